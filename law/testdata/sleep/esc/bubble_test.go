package esc

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestA(t *testing.T) { synctest.Test(t, func(*testing.T) { time.Sleep(1) }) }
