package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
)

// Handler answers the command, for Serve or on a listener of the caller's. It
// answers nobody who comes from another machine, and no web page.
func Handler(u People, health func() Health, o Operations) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+root+"health", func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, health()) })
	mux.HandleFunc("PUT "+root+"log-level", func(w http.ResponseWriter, r *http.Request) {
		var l level
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxLine)).Decode(&l); err != nil {
			refuse(w, http.StatusBadRequest, err, 0)
			return
		}
		done(w, o.SetLogLevel(l.Level))
	})
	mux.HandleFunc("GET "+root+"trace/{user}", func(w http.ResponseWriter, r *http.Request) {
		after, _ := strconv.ParseUint(r.URL.Query().Get("after"), 10, 64) // 0: all
		messages, err := o.Trace(r.PathValue("user"), after)
		if err != nil {
			done(w, err)
			return
		}
		lines(w, messages)
	})
	mux.HandleFunc("GET "+root+"history/{user}", func(w http.ResponseWriter, r *http.Request) { history(w, r, o) })
	mux.HandleFunc("POST "+root+"calls", func(w http.ResponseWriter, r *http.Request) { call(w, r, o) })
	mux.HandleFunc("GET "+root+"users/{aor}/state", func(w http.ResponseWriter, r *http.Request) {
		shown(w, func() (UserState, error) { return o.State(r.PathValue("aor")) })
	})
	calendars(mux, o)
	people(mux, u)
	mux.HandleFunc("GET "+root+"users/{aor}/explain", func(w http.ResponseWriter, r *http.Request) { explain(w, r, o) })
	mux.HandleFunc("PUT "+root+"dnd", func(w http.ResponseWriter, r *http.Request) { ordered(w, r, o.DND) })
	mux.HandleFunc("PUT "+root+"status", func(w http.ResponseWriter, r *http.Request) { ordered(w, r, o.Status) })
	mux.HandleFunc("PUT "+root+"forwarding", func(w http.ResponseWriter, r *http.Request) { ordered(w, r, o.Forwarding) })
	mux.HandleFunc("GET "+root+"users", func(w http.ResponseWriter, _ *http.Request) { list(w, u) })
	mux.HandleFunc("POST "+root+"users", func(w http.ResponseWriter, r *http.Request) { add(w, r, u) })
	mux.HandleFunc("DELETE "+root+"users/{aor}", func(w http.ResponseWriter, r *http.Request) {
		done(w, u.Remove(r.PathValue("aor")))
	})
	mux.HandleFunc("PUT "+root+"users/{aor}/password", func(w http.ResponseWriter, r *http.Request) {
		var p password
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxLine)).Decode(&p); err != nil {
			refuse(w, http.StatusBadRequest, err, 0)
			return
		}
		done(w, u.SetPassword(r.PathValue("aor"), p.Password, p.Web))
	})
	mux.HandleFunc("GET "+root+"domains", func(w http.ResponseWriter, _ *http.Request) {
		domains, err := u.Domains()
		if err != nil {
			done(w, err)
			return
		}
		write(w, http.StatusOK, domains)
	})
	mux.HandleFunc("PUT "+root+"domains", func(w http.ResponseWriter, r *http.Request) {
		var d Domain
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxLine)).Decode(&d); err != nil {
			refuse(w, http.StatusBadRequest, err, 0)
			return
		}
		done(w, u.SetDomain(d))
	})
	handleRules(mux, u, o)
	handleTokens(mux, u)
	return local(http.NewCrossOriginProtection().Handler(mux))
}

// ordered does what is asked for, and answers with the user's state after it.
func ordered[T any](w http.ResponseWriter, r *http.Request, do func(T) (UserState, error)) {
	var order T
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxLine)).Decode(&order); err != nil {
		refuse(w, http.StatusBadRequest, err, 0)
		return
	}
	shown(w, func() (UserState, error) { return do(order) })
}

func shown(w http.ResponseWriter, state func() (UserState, error)) {
	u, err := state()
	if err != nil {
		done(w, err)
		return
	}
	write(w, http.StatusOK, u)
}

func history(w http.ResponseWriter, r *http.Request, o Operations) {
	ask := r.URL.Query()
	q := HistoryQuery{User: r.PathValue("user"), Party: ask.Get("party"), Result: ask.Get("result"), Before: ask.Get("before"), Limit: page}
	if limit, err := strconv.Atoi(ask.Get("limit")); err == nil && limit > 0 {
		q.Limit = limit
	}
	calls, err := o.History(q)
	if err != nil {
		done(w, err)
		return
	}
	lines(w, calls)
}

// call answers with a line for each step, as it comes.
func call(w http.ResponseWriter, r *http.Request, o Operations) {
	var order CallOrder
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxLine)).Decode(&order); err != nil {
		refuse(w, http.StatusBadRequest, err, 0)
		return
	}
	out, begun := json.NewEncoder(w), false
	err := o.Call(r.Context(), order, func(e CallEvent) {
		if !begun {
			begun = true
			w.Header().Set("Content-Type", "application/jsonl")
		}
		_ = out.Encode(e) // the command may be gone
		_ = http.NewResponseController(w).Flush()
	})
	if !begun {
		done(w, err)
	}
}

// local lets only those pass who come by a unix socket, or from this machine
// and by an address of it: a page whose name was made to point here comes with
// that name.
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		if at == nil || at.Network() != "unix" && (!isLoopback(r.RemoteAddr) || !isLoopback(r.Host)) {
			refuse(w, http.StatusForbidden, errors.New("only for this machine"), 0)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isLoopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func list(w http.ResponseWriter, u People) {
	users, err := u.List()
	if err != nil {
		done(w, err)
		return
	}
	lines(w, users)
}

// lines answers with a list, one a line.
func lines[T any](w http.ResponseWriter, list []T) {
	w.Header().Set("Content-Type", "application/jsonl")
	out := json.NewEncoder(w)
	for _, one := range list {
		if out.Encode(one) != nil {
			return // the command went away
		}
	}
}

// add reads a user per line and adds them by batches, so that a stream may be
// of any length.
func add(w http.ResponseWriter, r *http.Request, u People) {
	var waiting []NewUser
	added := 0
	flush := func() error {
		if len(waiting) == 0 {
			return nil
		}
		if err := u.Add(waiting); err != nil {
			return err
		}
		added += len(waiting)
		waiting = waiting[:0]
		return nil
	}
	err := eachLine(r.Body, func(line []byte) error {
		var one NewUser
		if err := json.Unmarshal(line, &one); err != nil {
			return fmt.Errorf("user %d: %w", added+len(waiting)+1, err)
		}
		if waiting = append(waiting, one); len(waiting) < batch {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if err != nil {
		// The command reads the answer only when it could send everything.
		_, _ = io.Copy(io.Discard, r.Body)
		refuse(w, http.StatusUnprocessableEntity, err, added)
		return
	}
	write(w, http.StatusOK, answer{Added: added})
}

func eachLine(in io.Reader, f func([]byte) error) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if err := f(lines.Bytes()); err != nil {
			return err
		}
	}
	return lines.Err()
}

func done(w http.ResponseWriter, err error) {
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, err, 0)
		return
	}
	write(w, http.StatusOK, answer{})
}

func refuse(w http.ResponseWriter, status int, err error, added int) {
	write(w, status, answer{Error: err.Error(), Added: added})
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the command may be gone
}
