package sip

import _ "github.com/emiago/sipgo/sip"
