package owner

import "time"

// Job is something to be done in a turn of the owner of a key.
type Job interface{ Do(*Turn) }

// Func is a function as a Job.
type Func func(*Turn)

func (f Func) Do(t *Turn) { f(t) }

// Record is what is stored under a key; without a Value it is taken away.
type Record struct{ Key, Value []byte }

// Turn is a transaction on the state of one owner. A stage changes its memory
// and says by the Turn's methods what shall follow. A Turn must not be used
// after the job that it was given to.
type Turn struct {
	Now time.Time // read once for the whole turn

	w       *worker
	keys    map[string]struct{} // whose state the turn may have changed
	records []Record
	ends    []func()
	says    []func(failed error)
	posts   []post
}

type post struct {
	key string
	job Job
}

// Save stores a record with the turn's commit.
func (t *Turn) Save(r Record) {
	if t.w.owners.journal != nil {
		t.records = append(t.records, r)
	}
}

// Durable tells whether what is saved is kept at all, for callers to whom
// encoding a record would be work for nothing.
func (t *Turn) Durable() bool { return t.w.owners.journal != nil }

// End calls f once all jobs of the turn are done, before the commit.
func (t *Turn) End(f func()) { t.ends = append(t.ends, f) }

// Say calls f after the commit, with the error where it failed: answers and
// notifications, which nobody may see before what they tell is durable.
func (t *Turn) Say(f func(failed error)) { t.says = append(t.says, f) }

// Post gives a job to the owner of a key, after the commit and if it did not
// fail. It is never refused: what lives bounds the number of such posts.
func (t *Turn) Post(key string, j Job) { t.posts = append(t.posts, post{key, j}) }

// Wake sets or moves an alarm that does j for key; the zero time takes it away.
func (t *Turn) Wake(a *Alarm, key string, at time.Time, j Job) {
	a.key, a.job = key, j
	t.w.alarms.set(a, at)
}

func (t *Turn) do(key string, j Job) {
	if key != "" {
		t.keys[key] = struct{}{}
	}
	j.Do(t)
}

// end runs what was asked for by End, also what that asks for in turn.
func (t *Turn) end() {
	for i := 0; i < len(t.ends); i++ {
		t.ends[i]()
	}
}

func (t *Turn) say(failed error) {
	for _, f := range t.says {
		f(failed)
	}
}

func (t *Turn) reset(now time.Time) {
	t.Now = now
	clear(t.keys)
	clear(t.records)
	clear(t.ends)
	clear(t.says)
	clear(t.posts)
	t.records, t.ends, t.says, t.posts = t.records[:0], t.ends[:0], t.says[:0], t.posts[:0]
}

// Touch says that the turn may change the state of one more key: where a job
// was posted to a partition and learns its key only then.
func (t *Turn) Touch(key string) { t.keys[key] = struct{}{} }
