package callcontrol

// AnswerHeaders are the ways to have a phone answer a call by itself, by their
// names in a phone's profile: header lines, without their ends (RFC 3261 §20.4,
// §20.9). What phones make of them is their makers' choice.
var AnswerHeaders = map[string]string{
	"call-info":   "Call-Info: <sip:calls@192.0.0.8>;answer-after=0",
	"alert-info":  "Alert-Info: <sip:calls@192.0.0.8>;info=alert-autoanswer;delay=0",
	"ring-answer": "Alert-Info: Ring-Answer",
}

// answerLines have the user's phone answer by itself. Where there are several each
// rings, since the user takes one of them up.
func answerLines(phones []Phone) []byte {
	if len(phones) != 1 || AnswerHeaders[phones[0].Answers] == "" {
		return nil
	}
	return []byte(AnswerHeaders[phones[0].Answers] + "\r\n")
}
