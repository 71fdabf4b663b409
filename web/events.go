package web

import (
	"net/http"
	"time"
)

const (
	beatEvery = 15 * time.Second
	writeTime = 10 * time.Second // a browser that takes nothing for so long is gone
)

// heartbeat is a comment, and an event that pages can hear.
const heartbeat = ": beat\nevent: beat\ndata: 15\n\n"

// events writes server-sent events.
type events struct {
	w   http.ResponseWriter
	out *http.ResponseController
}

func newEvents(w http.ResponseWriter) (*events, error) {
	e := &events{w, http.NewResponseController(w)}
	_ = e.out.SetReadDeadline(time.Time{}) // that of the request would end it
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	return e, e.write([]byte("retry: 2000\n\n"))
}

func (e *events) write(b []byte) error {
	_ = e.out.SetWriteDeadline(time.Now().Add(writeTime))
	if _, err := e.w.Write(b); err != nil {
		return err
	}
	return e.out.Flush()
}
