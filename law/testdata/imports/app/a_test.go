package app

import _ "lamplight/sip/ua"
