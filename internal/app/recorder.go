package app

import (
	"strings"
	"time"

	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/gateway"
	"github.com/oidostudio/oido/internal/ledger"
)

// recorder keeps the gateway's turns in the ledger.
type recorder struct{ l *ledger.Ledger }

var _ gateway.Recorder = recorder{}

// OpenAttempt records that an attempt is about to be sent.
func (r recorder) OpenAttempt(t *gateway.Turn, a *dispatch.Attempt) error {
	return r.l.OpenAttempt(rowOf(t), attemptOf(a, gateway.Charge{}))
}

// CloseAttempt records the end of an attempt that another one follows.
func (r recorder) CloseAttempt(t *gateway.Turn, a *dispatch.Attempt, c gateway.Charge) {
	r.l.CloseAttempt(t.ID, attemptOf(a, c))
}

// CloseTurn records the end of a turn and of its last attempt.
func (r recorder) CloseTurn(t *gateway.Turn, o *dispatch.Outcome, charges []gateway.Charge) {
	row := rowOf(t)
	row.Status = ledger.Status(o.Status)
	last := o.Last()
	row.Duration = time.Since(t.Started)
	if last.FirstEvent > 0 {
		row.FirstToken = last.Started.Add(last.FirstEvent).Sub(t.Started)
	}
	r.l.CloseTurn(row, attemptOf(last, charges[len(charges)-1]))
}

func rowOf(t *gateway.Turn) *ledger.Turn {
	return &ledger.Turn{
		ID: t.ID, Org: t.Org, User: t.User, Key: t.Key, EndUser: t.EndUser, Agent: t.Agent, Session: t.Session,
		SessionSource: string(t.SessionSource), Workload: t.Workload, Class: t.Class, Purpose: t.Purpose,
		RequestedModel: t.RequestedModel, Format: string(t.Format), Stream: t.Stream, Started: t.Started,
		InputEstimate: t.InputEstimate, Decision: t.Decision,
	}
}

// maxErrorText bounds what a row keeps of an error.
const maxErrorText = 500

func attemptOf(a *dispatch.Attempt, c gateway.Charge) *ledger.Attempt {
	out := &ledger.Attempt{
		Number: a.Number, Provider: a.Provider, Model: a.Model, ServedModel: a.Metered.Model, KeyHint: a.KeyHint,
		Format: string(a.Format), Started: a.Started, FirstToken: a.FirstEvent, Duration: a.Duration,
		Status: ledger.Status(a.Status), Finish: string(a.Metered.Finish), Usage: c.Usage, Cost: c.Cost,
	}
	for i, d := range a.Downgrades {
		if i > 0 {
			out.Downgrades += ", "
		}
		out.Downgrades += d.Feature
	}
	if e := a.Err; e != nil {
		out.ErrorKind, out.ErrorStatus, out.ErrorText = string(e.Kind), e.Status, e.Message
		if len(out.ErrorText) > maxErrorText {
			out.ErrorText = strings.ToValidUTF8(out.ErrorText[:maxErrorText], "")
		}
	}
	return out
}
