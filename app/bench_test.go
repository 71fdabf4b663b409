package app_test

import (
	"fmt"
	"testing"
	"time"

	"lamplight/body/pidf"
	"lamplight/esc"
	"lamplight/event/presence"
	"lamplight/owner"
)

// BenchmarkPublish is the stages' share of a modifying PUBLISH, with the
// notifications that follow: parse, store, compose, tell.
func BenchmarkPublish(b *testing.B) {
	for _, watchers := range []int{0, 1, 10} {
		b.Run(fmt.Sprint(watchers, "-watchers"), func(b *testing.B) {
			w := newWorld(b, 1)
			w.mute, w.rateOff = true, true
			w.start()
			for i := range watchers {
				w.run([]string{fmt.Sprintf("subscribe w%d alice expires=590", i)})
			}
			alice := user("alice")
			bodies := [][]byte{
				presence.Publication(string(alice), "t", presence.Busy, "", w.now).Append(nil),
				presence.Publication(string(alice), "t", presence.Away, "", w.now).Append(nil),
			}
			var tag esc.ETag
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				p := esc.Publish{AoR: alice, By: alice, Event: "presence", IfMatch: tag, Type: pidf.Type, Body: bodies[i%2], Expires: 5 * time.Minute}
				w.post(alice, func(t *owner.Turn) {
					var err error
					if tag, _, err = w.esc.Publish(t, p); err != nil {
						b.Fatal(err)
					}
				})
				w.settle()
			}
		})
	}
}
