// The height to look up to: net/http and go-sql-driver, from Debian's packages. It reads: city, assessment-data, list.
package main

import (
	"database/sql"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"
)

// server is what the views share: statements that each connection of the process's one pool has prepared.
type server struct {
	bearer, city, assessmentData, firstAttempts, nextAttempts *sql.Stmt
}

func main() {
	connections, err := strconv.Atoi(os.Getenv("LAB_CONNECTIONS"))
	if err != nil {
		log.Fatal(err)
	}
	name, err := dataSourceName(os.Getenv("STUDENTAPI_DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	db, err := sql.Open("mysql", name)
	if err != nil {
		log.Fatal(err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxLifetime(time.Hour)

	s := &server{}
	for text, statement := range map[string]**sql.Stmt{
		bearer:           &s.bearer,
		cityNamed:        &s.city,
		assessmentDataOf: &s.assessmentData,
		firstAttempts:    &s.firstAttempts,
		nextAttempts:     &s.nextAttempts,
	} {
		if *statement, err = db.Prepare(text); err != nil {
			log.Fatal(err)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", s.lookUpCity)
	mux.HandleFunc("/api/v1/students/", s.showAssessmentData)
	mux.HandleFunc("/api/v1/attempts", s.listAttempts)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("STUDENTAPI_PORT"), mux))
}
