package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// SpentByModel tells, hour by hour since a time, what all orgs together used of
// each model, whose name is provider/model-id.
func (s *Store) SpentByModel(ctx context.Context, since time.Time, row func(hour time.Time, model string, turns, tokens int64)) error {
	rows, err := s.query(ctx, "spent by model", since.Unix())
	if err != nil {
		return fmt.Errorf("read usage by model: %w", err)
	}
	for rows.Next() {
		var hour, turns, tokens int64
		var model string
		if err := rows.Scan(&hour, &model, &turns, &tokens); err != nil {
			return errors.Join(err, rows.Close())
		}
		row(time.Unix(hour, 0), model, turns, tokens)
	}
	return errors.Join(rows.Err(), rows.Close())
}
