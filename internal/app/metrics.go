package app

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/gateway"
	"github.com/oidostudio/oido/internal/identity"
	"github.com/oidostudio/oido/internal/llm"
)

// meters are what /metrics shows. Labels take only values that the operator or
// the program chooses, never a client's, so that their number is bounded.
type meters struct {
	registry *prometheus.Registry
	turns    *prometheus.CounterVec
	tokens   *prometheus.CounterVec
	attempts *prometheus.CounterVec
	refused  *prometheus.CounterVec
	rules    *prometheus.CounterVec
	first    *prometheus.HistogramVec
}

func newMeters(s *Server) *meters {
	m := &meters{
		registry: prometheus.NewRegistry(),
		turns:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "oido_turns_total", Help: "Turns that ended."}, []string{"provider", "format", "status"}),
		tokens:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "oido_tokens_total", Help: "Tokens of all attempts."}, []string{"provider", "direction"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "oido_attempts_total", Help: "Requests sent to providers."}, []string{"provider", "status", "error"}),
		refused:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "oido_refused_total", Help: "Requests that became no turn."}, []string{"format", "error"}),
		rules:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "oido_rule_failures_total", Help: "Requests for which a workload's rule failed, and so didn't hold."}, []string{"workload"}),
		first: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "oido_first_event_seconds", Help: "Time from an attempt's start to its first meaningful event.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120},
		}, []string{"provider"}),
	}
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f)
	}
	m.registry.MustRegister(
		m.turns, m.tokens, m.attempts, m.refused, m.rules, m.first, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		gauge("oido_requests_in_flight", "Wire API requests being served.", func() float64 { return float64(s.inference.InFlight()) }),
		gauge("oido_body_bytes", "Memory taken by request bodies in flight.", func() float64 { return float64(s.inference.Budget.Used()) }),
		gauge("oido_spool_bytes", "Bytes in the spool.", func() float64 { return float64(s.ledger.SpoolBytes()) }),
		gauge("oido_unrecorded_turns", "Attempts that were answered without a record because the spool was full.", func() float64 { return float64(s.ledger.Unrecorded()) }),
	)
	return m
}

// ended counts a turn.
func (m *meters) ended(t *gateway.Turn, o *dispatch.Outcome, charges []gateway.Charge) {
	m.turns.WithLabelValues(o.Last().Provider, string(t.Format), string(o.Status)).Inc()
	for i, a := range o.Attempts {
		kind := ""
		if a.Err != nil {
			kind = string(a.Err.Kind)
		}
		m.attempts.WithLabelValues(a.Provider, string(a.Status), kind).Inc()
		if a.FirstEvent > 0 {
			m.first.WithLabelValues(a.Provider).Observe(a.FirstEvent.Seconds())
		}
		m.tokens.WithLabelValues(a.Provider, "input").Add(float64(charges[i].Usage.TotalInput()))
		m.tokens.WithLabelValues(a.Provider, "output").Add(float64(charges[i].Usage.Output))
	}
}

func (m *meters) refuse(f llm.Format, k llm.Kind) {
	m.refused.WithLabelValues(string(f), string(k)).Inc()
}

func (m *meters) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// operatorsOnly lets only an operator's key through.
func (s *Server) operatorsOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := identity.FromRequest(r.Header, nil, false)
		if err != nil {
			s.say(w, http.StatusUnauthorized, err.Error()+"\n")
			return
		}
		if c, ok := s.directory.Lookup(text); !ok || !c.Role.May(identity.Operate) {
			s.say(w, http.StatusForbidden, "metrics need an operator's key, or a port of their own (ops_listen)\n")
			return
		}
		next.ServeHTTP(w, r)
	})
}
