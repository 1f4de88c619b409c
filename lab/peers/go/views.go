package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

const mostAttempts = 500

var (
	publicID       = regexp.MustCompile(`^[A-Za-z0-9._:\-]{1,64}$`)
	assessmentPath = regexp.MustCompile(
		`^/api/v1/students/([A-Za-z0-9._:\-]{1,64})/chapters/([A-Za-z0-9._:\-]{1,64})/assessment-data$`)
)

func fail(w http.ResponseWriter, status int) {
	http.Error(w, http.StatusText(status), status)
}

func answer(w http.ResponseWriter, body interface{}) {
	content, err := json.Marshal(body)
	if err != nil {
		fail(w, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(content)
}

const cityNamed = "SELECT city_id FROM city WHERE city = ? ORDER BY city_id LIMIT 1"

// lookUpCity answers the number of a city of Sakila's.
func (s *server) lookUpCity(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		fail(w, http.StatusNotFound)
		return
	}
	name := r.URL.Query().Get("city")
	var id int
	err := s.city.QueryRowContext(r.Context(), name).Scan(&id)
	switch {
	case err == sql.ErrNoRows:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, "City \"%s\" not found", name)
	case err != nil:
		fail(w, http.StatusInternalServerError)
	default:
		fmt.Fprintf(w, "City \"%s\" is #%d", name, id)
	}
}

// showAssessmentData answers a student's assessment data in a chapter.
func (s *server) showAssessmentData(w http.ResponseWriter, r *http.Request) {
	ids := assessmentPath.FindStringSubmatch(r.URL.Path)
	if ids == nil || r.Method != http.MethodGet {
		fail(w, http.StatusNotFound)
		return
	}
	if !s.authorized(w, r, ids[1]) {
		return
	}
	data, err := s.readAssessmentData(r.Context(), ids[1], ids[2], time.Now().UTC())
	switch {
	case err != nil:
		fail(w, http.StatusInternalServerError)
	case data == nil:
		fail(w, http.StatusNotFound)
	default:
		answer(w, data)
	}
}

// listAttempts answers a page of attempts; a cursor is the last id of the page before.
func (s *server) listAttempts(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		fail(w, http.StatusNotFound)
		return
	}
	if !s.authorized(w, r, "") {
		return
	}
	given := r.URL.Query()
	limit := 100
	if given.Has("limit") {
		var err error
		limit, err = strconv.Atoi(given.Get("limit"))
		if err != nil || limit < 1 || limit > mostAttempts {
			fail(w, http.StatusUnprocessableEntity)
			return
		}
	}
	cursor := given.Get("cursor")
	if cursor != "" && !publicID.MatchString(cursor) {
		fail(w, http.StatusUnprocessableEntity)
		return
	}
	page, err := s.readAttempts(r.Context(), cursor, limit)
	if err != nil {
		fail(w, http.StatusInternalServerError)
		return
	}
	answer(w, page)
}
