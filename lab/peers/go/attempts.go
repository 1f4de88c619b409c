package main

import (
	"context"
	"fmt"
)

const attemptsBehind = `
	SELECT attempts.public_id, assessments.public_id, users.public_id, attempts.number, attempts.state,
		attempts.started_at, attempts.submitted_at, attempts.graded_at, attempts.is_late, attempts.score,
		attempts.percent, attempts.created_at, attempts.updated_at
	FROM attempts FORCE INDEX (attempts_public_id)
		STRAIGHT_JOIN assessments ON assessments.id = attempts.assessment_id
		STRAIGHT_JOIN users ON users.id = attempts.student_id
	WHERE %sattempts.deleted_at IS NULL
	ORDER BY attempts.public_id LIMIT ?`

// A condition that holds for every row would have MySQL read far ahead.
var (
	firstAttempts = fmt.Sprintf(attemptsBehind, "")
	nextAttempts  = fmt.Sprintf(attemptsBehind, "attempts.public_id > ? AND ")
)

type listedAttempt struct {
	ID           string `json:"id"`
	AssessmentID string `json:"assessment_id"`
	StudentID    string `json:"student_id"`
	Number       int    `json:"number"`
	State        string `json:"state"`
	StartedAt    moment `json:"started_at"`
	SubmittedAt  moment `json:"submitted_at"`
	GradedAt     moment `json:"graded_at"`
	IsLate       bool   `json:"is_late"`
	Score        number `json:"score"`
	Percent      number `json:"percent"`
	CreatedAt    moment `json:"created_at"`
	UpdatedAt    moment `json:"updated_at"`
}

type attemptPage struct {
	Items      []listedAttempt `json:"items"`
	NextCursor *string         `json:"next_cursor"`
}

func (s *server) readAttempts(ctx context.Context, after string, limit int) (*attemptPage, error) {
	statement, params := s.firstAttempts, []interface{}{limit + 1}
	if after != "" {
		statement, params = s.nextAttempts, []interface{}{after, limit + 1}
	}
	rows, err := statement.QueryContext(ctx, params...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	items := make([]listedAttempt, 0, limit+1)
	for rows.Next() {
		var one listedAttempt
		err := rows.Scan(
			&one.ID, &one.AssessmentID, &one.StudentID, &one.Number, &one.State, &one.StartedAt, &one.SubmittedAt,
			&one.GradedAt, &one.IsLate, &one.Score, &one.Percent, &one.CreatedAt, &one.UpdatedAt)
		if err != nil {
			return nil, err
		}
		items = append(items, one)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	page := &attemptPage{Items: items}
	if len(items) > limit {
		page.Items = items[:limit]
		page.NextCursor = &items[limit-1].ID
	}
	return page, nil
}
