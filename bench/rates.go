package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// insideMeasures are rates: how often in a second.
var insideMeasures = []struct {
	name string
	rate func(context.Context, *inhabited) (float64, error)
}{
	{"php", visits},
	{"database: read", func(ctx context.Context, s *inhabited) (float64, error) { return s.transactions(ctx, "oltp_read_only") }},
	{"database: write", func(ctx context.Context, s *inhabited) (float64, error) {
		return s.transactions(ctx, "oltp_write_only")
	}},
	{"files: create", func(ctx context.Context, s *inhabited) (float64, error) { return s.told(ctx, "files.php") }},
	{"fsync", func(ctx context.Context, s *inhabited) (float64, error) { return s.told(ctx, "fsync.php") }},
}

const (
	visitors  = 4 // at a time, of a page and of the database
	visitTime = time.Second
	tableRows = 10_000 // 2.3 MB: it fits into the 16 MiB that a site's database keeps in memory
)

// visits has visitors ask for a page, each again as soon as it has it.
func visits(ctx context.Context, s *inhabited) (float64, error) {
	visitor := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: visitors}}
	defer visitor.CloseIdleConnections()
	var all sync.WaitGroup
	var count atomic.Int64
	var errs [visitors]error
	began := time.Now()
	for n := range visitors {
		all.Go(func() {
			for time.Since(began) < visitTime && errs[n] == nil {
				if _, errs[n] = s.ask(ctx, visitor, "page.php"); errs[n] == nil {
					count.Add(1)
				}
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return 0, err
		}
	}
	return float64(count.Load()) / time.Since(began).Seconds(), nil
}

// ask returns what a page says.
func (s *inhabited) ask(ctx context.Context, visitor *http.Client, page string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.page+"/"+page, http.NoBody)
	if err != nil {
		return "", err
	}
	answer, err := visitor.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", page, answer.Status, text)
	}
	return string(text), err
}

// told asks a page that measures something itself.
func (s *inhabited) told(ctx context.Context, page string) (float64, error) {
	text, err := s.ask(ctx, http.DefaultClient, page)
	if err != nil {
		return 0, err
	}
	rate, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil {
		return 0, fmt.Errorf("%s says %q", page, text)
	}
	return rate, nil
}

var transactionsLine = regexp.MustCompile(`transactions: .*\(([0-9.]+) per sec`)

// transactions runs a script of sysbench.
func (s *inhabited) transactions(ctx context.Context, script string) (float64, error) {
	out, err := s.sysbench(ctx, script, "run")
	if err != nil {
		return 0, err
	}
	line := transactionsLine.FindStringSubmatch(out)
	if line == nil {
		return 0, fmt.Errorf("sysbench %s says %s", script, out)
	}
	return strconv.ParseFloat(line[1], 64)
}

// sysbench runs on the host, for every subject the same, and speaks with the site's server through its socket.
func (s *inhabited) sysbench(ctx context.Context, script, verb string) (string, error) {
	account, err := accountOf(s.server, s.owner)
	if err != nil {
		return "", err
	}
	return command(ctx, "sysbench", script, "--db-driver=mysql", "--mysql-socket="+account.Addr, "--mysql-user="+account.User,
		"--mysql-password="+account.Passwd, "--mysql-db="+account.DBName, "--tables=1", fmt.Sprintf("--table-size=%d", tableRows),
		fmt.Sprintf("--threads=%d", visitors), "--time=1", verb)
}
