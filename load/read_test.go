package load

import (
	"os"
	"testing"
	"time"
)

func TestLights(t *testing.T) {
	for body, want := range map[string][2]bool{
		"": {},
		`<dialog-info state="full"></dialog-info>`:                                                          {},
		`<dialog id="1"><state>terminated</state></dialog>`:                                                 {},
		`<dialog id="1"><state>trying</state></dialog>`:                                                     {true, false},
		`<dialog id="1"><state event="rejected">terminated</state></dialog><dialog><state>early</state>`:    {true, true},
		"<dialog id=\"1\"><state>\n confirmed \n</state></dialog>":                                          {true, true},
		`<dialog id="1"><state>Trying</state></dialog><dialog id="2"><state>terminated</state></dialog>`:    {true, false},
		`<dialog id="1"><state>terminated</state></dialog><dialog id="2"><state>confirmed</state></dialog>`: {true, true},
	} {
		if on, ringing := lights([]byte(body)); on != want[0] || ringing != want[1] {
			t.Errorf("%s: %v, %v", body, on, ringing)
		}
	}
}

func FuzzLights(f *testing.F) {
	f.Add([]byte(`<dialog id="1"><state event="rejected">terminated</state></dialog><state>early</state>`))
	f.Add([]byte("<state<state>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if on, ringing := lights(b); ringing && !on {
			t.Error("it rings and is not on")
		}
	})
}

func TestParseStat(t *testing.T) {
	p, ok := parseStat([]byte("7 (a ) b) S 3 7 7 0 -1 4194560 1 2 3 4 250 50 9 9 20 0 1"))
	if !ok || p.parent != 3 || p.time != 3*time.Second {
		t.Errorf("%+v, %v", p, ok)
	}
	for _, bad := range []string{"", "7 (a) S 3", "7 (a) S x 7 7 0 -1 4194560 1 2 3 4 250 50 9"} {
		if _, ok := parseStat([]byte(bad)); ok {
			t.Errorf("%q was read", bad)
		}
	}
}

func FuzzStat(f *testing.F) {
	f.Add([]byte("7 (a ) b) S 3 7 7 0 -1 4194560 1 2 3 4 250 50 9 9 20 0 1"))
	f.Fuzz(func(_ *testing.T, b []byte) { parseStat(b) })
}

func TestCPUTimeIsThatOfTheProcess(t *testing.T) {
	c, err := newCPU([]int{os.Getpid()})
	if err != nil {
		t.Fatal(err)
	}
	for {
		if used, err := c.used(); err != nil || used > 0 {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	if _, err := newCPU([]int{1 << 30}); err == nil {
		t.Error("a process that is not there has CPU time")
	}
}

func TestQuantile(t *testing.T) {
	var list []time.Duration
	for i := range 101 {
		list = append(list, time.Duration(i)*time.Millisecond)
	}
	if m, p := quantile(list, 0.5), quantile(list, 0.99); m != 50 || p != 99 || quantile(nil, 0.5) != 0 {
		t.Errorf("median %v, p99 %v", m, p)
	}
}
