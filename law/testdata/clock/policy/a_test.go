package policy

import "time"

var z = time.Now()
