package main

import (
	"context"
	"database/sql"
	"math"
	"time"
)

const assessmentDataOf = `
	SELECT student.public_id, student.name,
		chapter.public_id, chapter.title, course.public_id, chapter.mastery_percent,
		assessment.public_id, class.public_id, assessment.title, assessment.category, assessment.weight,
		assessment.points_max, assessment.due_at, results.percent,
		attempts.number, attempts.state, attempts.submitted_at, attempts.score, attempts.percent, attempts.is_late
	FROM users AS student
		JOIN chapters AS chapter
		JOIN courses AS course ON course.id = chapter.course_id
		LEFT JOIN (assessments AS assessment
				JOIN classes AS class ON class.id = assessment.class_id AND class.deleted_at IS NULL
				JOIN enrollments ON enrollments.class_id = class.id
					AND enrollments.role = 'student' AND enrollments.deleted_at IS NULL)
			ON assessment.chapter_id = chapter.id AND assessment.deleted_at IS NULL
				AND enrollments.user_id = student.id
		LEFT JOIN results ON results.student_id = student.id AND results.assessment_id = assessment.id
		LEFT JOIN attempts ON attempts.student_id = student.id AND attempts.assessment_id = assessment.id
			AND attempts.deleted_at IS NULL
	WHERE student.public_id = ? AND student.role = 'student' AND student.deleted_at IS NULL
		AND chapter.public_id = ? AND chapter.deleted_at IS NULL AND course.deleted_at IS NULL
	ORDER BY assessment.due_at IS NULL, assessment.due_at, assessment.public_id, attempts.number`

type assessmentData struct {
	Student     student       `json:"student"`
	Chapter     chapter       `json:"chapter"`
	Summary     summary       `json:"summary"`
	Assessments []*assessment `json:"assessments"`
}

type student struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type chapter struct {
	ID             string  `json:"id"`
	Title          string  `json:"title"`
	CourseID       string  `json:"course_id"`
	MasteryPercent float64 `json:"mastery_percent"`
}

type assessment struct {
	ID        string    `json:"id"`
	ClassID   string    `json:"class_id"`
	Title     string    `json:"title"`
	Category  string    `json:"category"`
	Weight    float64   `json:"weight"`
	PointsMax float64   `json:"points_max"`
	DueAt     moment    `json:"due_at"`
	Percent   number    `json:"percent"`
	Attempts  []attempt `json:"attempts"`
}

type attempt struct {
	Number      int    `json:"number"`
	State       string `json:"state"`
	SubmittedAt moment `json:"submitted_at"`
	Score       number `json:"score"`
	Percent     number `json:"percent"`
	IsLate      bool   `json:"is_late"`
}

type summary struct {
	Assessments     int      `json:"assessments"`
	Attempted       int      `json:"attempted"`
	Graded          int      `json:"graded"`
	Missing         int      `json:"missing"`
	Late            int      `json:"late"`
	MeanPercent     *float64 `json:"mean_percent"`
	WeightedPercent *float64 `json:"weighted_percent"`
	BestPercent     *float64 `json:"best_percent"`
	LastPercent     *float64 `json:"last_percent"`
	Mastered        *bool    `json:"mastered"`
}

// joined is what the outer joins may leave NULL.
type joined struct {
	id, classID, title, category sql.NullString
	weight, pointsMax            sql.NullFloat64
	dueAt                        moment
	counted                      number
	number                       sql.NullInt64
	state                        sql.NullString
	submittedAt                  moment
	score, percent               number
	isLate                       sql.NullBool
}

// readAssessmentData returns nil where the student or the chapter is not there.
func (s *server) readAssessmentData(
	ctx context.Context, studentID, chapterID string, now time.Time,
) (*assessmentData, error) {
	rows, err := s.assessmentData.QueryContext(ctx, studentID, chapterID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var data *assessmentData
	var last *assessment
	for rows.Next() {
		if data == nil {
			data = &assessmentData{Assessments: []*assessment{}}
		}
		var row joined
		err := rows.Scan(
			&data.Student.ID, &data.Student.Name, &data.Chapter.ID, &data.Chapter.Title, &data.Chapter.CourseID,
			&data.Chapter.MasteryPercent, &row.id, &row.classID, &row.title, &row.category, &row.weight,
			&row.pointsMax, &row.dueAt, &row.counted, &row.number, &row.state, &row.submittedAt, &row.score,
			&row.percent, &row.isLate)
		if err != nil {
			return nil, err
		}
		if !row.id.Valid {
			continue
		}
		if last == nil || last.ID != row.id.String {
			last = &assessment{
				ID: row.id.String, ClassID: row.classID.String, Title: row.title.String,
				Category: row.category.String, Weight: row.weight.Float64, PointsMax: row.pointsMax.Float64,
				DueAt: row.dueAt, Percent: row.counted, Attempts: []attempt{},
			}
			data.Assessments = append(data.Assessments, last)
		}
		if row.number.Valid {
			last.Attempts = append(last.Attempts, attempt{
				Number: int(row.number.Int64), State: row.state.String, SubmittedAt: row.submittedAt,
				Score: row.score, Percent: row.percent, IsLate: row.isLate.Bool,
			})
		}
	}
	if data != nil {
		data.Summary = summarize(data.Assessments, data.Chapter.MasteryPercent, now)
	}
	return data, rows.Err()
}

func summarize(assessments []*assessment, masteryPercent float64, now time.Time) summary {
	all := summary{Assessments: len(assessments)}
	var sum, weights, products float64
	var lastAt time.Time
	for _, one := range assessments {
		if len(one.Attempts) > 0 {
			all.Attempted++
		} else if one.DueAt.before(now) {
			all.Missing++
		}
		late := false
		for _, tried := range one.Attempts {
			late = late || tried.IsLate
			// of several at one instant, the one that is listed last
			if tried.State == "graded" && (all.LastPercent == nil || !tried.SubmittedAt.Time.Before(lastAt)) {
				percent := tried.Percent.Float64
				all.LastPercent, lastAt = &percent, tried.SubmittedAt.Time
			}
		}
		if late {
			all.Late++
		}
		if one.Percent.Valid {
			percent := one.Percent.Float64
			all.Graded++
			sum += percent
			weights += one.Weight
			products += one.Weight * percent
			if all.BestPercent == nil || percent > *all.BestPercent {
				all.BestPercent = &percent
			}
		}
	}
	if all.Graded > 0 {
		mean := rounded(sum / float64(all.Graded))
		all.MeanPercent = &mean
		overall := mean
		if weights > 0 {
			weighted := rounded(products / weights)
			all.WeightedPercent = &weighted
			overall = weighted
		}
		mastered := overall >= masteryPercent
		all.Mastered = &mastered
	}
	return all
}

// rounded is a percent with 4 decimals.
func rounded(percent float64) float64 {
	return math.Round(percent*10000) / 10000
}
