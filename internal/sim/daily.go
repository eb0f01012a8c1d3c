package sim

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// maxDaily bounds what is counted; beyond it all is forgotten.
const maxDaily = 4096

// dailyBook counts the requests of models that have so many a day. Its day doesn't
// end.
type dailyBook struct {
	mu   sync.Mutex // protects used
	used map[string]int
}

// spend counts one request more and says how many there were.
func (b *dailyBook) spend(name string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used == nil || len(b.used) > maxDaily {
		b.used = map[string]int{}
	}
	b.used[name]++
	return b.used[name]
}

// daily is how a request fails that is one too many for its day; nil: it isn't.
func (x *exchange) daily() *failure {
	if x.script.daily == 0 || x.counting {
		return nil
	}
	used := x.dailies.spend(x.family.name + "/" + x.given + "/" + x.model)
	if x.left = x.script.daily - used; x.left >= 0 {
		return nil
	}
	f := &failure{status: http.StatusTooManyRequests, kind: outOfQuota, message: "You exceeded your current quota, please check your plan and billing details."}
	switch x.family.name {
	case "groq":
		f.kind, f.code, f.retryAfter = rateLimited, "rate_limit_exceeded", int(untilMorning/time.Second)
		f.message = fmt.Sprintf("Rate limit reached for model `%s` in organization `org_sim` service tier `on_demand` on requests per day (RPD): Limit %d, Used %[2]d, Requested 1.", x.model, x.script.daily)
	case "openrouter":
		f.kind, f.code, f.message = rateLimited, "", "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day"
	}
	return f
}

// untilMorning is when those who tell it say that a day's requests are there again.
const untilMorning = 6 * time.Hour

// dailyHeaders are those of vendors that tell what is left of a day.
func (x *exchange) dailyHeaders(h http.Header) {
	if x.script.daily == 0 {
		return
	}
	limit, left := strconv.Itoa(x.script.daily), strconv.Itoa(max(x.left, 0))
	switch x.family.name {
	case "groq":
		h.Set("X-Ratelimit-Limit-Requests", limit)
		h.Set("X-Ratelimit-Remaining-Requests", left)
		h.Set("X-Ratelimit-Reset-Requests", untilMorning.String())
	case "openrouter": // with errors alone
		if x.left < 0 {
			h.Set("X-Ratelimit-Limit", limit)
			h.Set("X-Ratelimit-Remaining", left)
			h.Set("X-Ratelimit-Reset", strconv.FormatInt(x.now().Add(untilMorning).UnixMilli(), 10))
		}
	}
}
