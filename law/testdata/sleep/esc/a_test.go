package esc

import "time"

func wait() {
	time.Sleep(time.Second) // breaks sleep
}
