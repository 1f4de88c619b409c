package main

import (
	"crypto/sha256"
	"database/sql"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// dataSourceName is the driver's name for mysql://user:password@host:port/name.
func dataSourceName(address string) (string, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	config := mysql.NewConfig()
	config.User = parsed.User.Username()
	config.Passwd, _ = parsed.User.Password()
	config.Net = "tcp"
	config.Addr = parsed.Host
	config.DBName = strings.TrimPrefix(parsed.Path, "/")
	config.Collation = "utf8mb4_general_ci"
	config.ParseTime = true
	return config.FormatDSN(), nil
}

const bearer = `
	SELECT tokens.scopes, users.public_id FROM tokens LEFT JOIN users ON users.id = tokens.user_id
	WHERE tokens.digest = ? AND tokens.deleted_at IS NULL AND tokens.revoked_at IS NULL
		AND (tokens.expires_at IS NULL OR tokens.expires_at > UTC_TIMESTAMP(6))`

// authorized answers 401 or 403, and says false, unless the bearer may read; studentID is whose data is asked for.
func (s *server) authorized(w http.ResponseWriter, r *http.Request, studentID string) bool {
	kind, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "bearer") {
		secret = ""
	}
	digest := sha256.Sum256([]byte(strings.TrimSpace(secret)))
	var scopes string
	var boundTo sql.NullString
	err := s.bearer.QueryRowContext(r.Context(), digest[:]).Scan(&scopes, &boundTo)
	switch {
	case err == sql.ErrNoRows:
		fail(w, http.StatusUnauthorized)
	case err != nil:
		fail(w, http.StatusInternalServerError)
	case !strings.Contains(","+scopes+",", ",read,") || boundTo.Valid && boundTo.String != studentID:
		fail(w, http.StatusForbidden)
	default:
		return true
	}
	return false
}

// number is a DECIMAL, as a number of JSON; null where it is NULL.
type number struct {
	sql.NullFloat64
}

// MarshalJSON writes the number.
func (n number) MarshalJSON() ([]byte, error) {
	if !n.Valid {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, n.Float64, 'f', -1, 64), nil
}

// moment is a DATETIME, which is UTC, as RFC 3339 has it; null where it is NULL.
type moment struct {
	sql.NullTime
}

// MarshalJSON writes microseconds where there are any.
func (m moment) MarshalJSON() ([]byte, error) {
	if !m.Valid {
		return []byte("null"), nil
	}
	layout := `"2006-01-02T15:04:05Z"`
	if m.Time.Nanosecond() != 0 {
		layout = `"2006-01-02T15:04:05.000000Z"`
	}
	return m.Time.AppendFormat(make([]byte, 0, 32), layout), nil
}

func (m moment) before(other time.Time) bool {
	return m.Valid && m.Time.Before(other)
}
