package app_test

import (
	"os"
	"strconv"
	"time"
)

// soak is how long each hostile run lasts in `make soak`; 0 elsewhere.
func soak() time.Duration {
	n, _ := strconv.Atoi(os.Getenv("LAMPLIGHT_HOSTILE"))
	return time.Duration(n) * time.Second
}
