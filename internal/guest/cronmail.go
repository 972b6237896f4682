package guest

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"
)

const (
	maxMail     = 64 << 10         // bytes of what one job printed that are kept
	mailTimeout = 10 * time.Minute // for a job to end: cron sends what it prints as it comes
	cronService = "cron"
)

// keepMail takes what a job of cron printed, which cron sends as a mail (cron(8)), and keeps it in cron's log, as there is no
// mail server. Anybody in the site may have jobs: the line says whose it was, as the kernel knows it.
func (g *guest) keepMail(a *answer) byte {
	s := g.roster.find(cronService)
	if s == nil {
		return a.fail(exitNone, "there is no service %s whose log would keep this", cronService)
	}
	_ = a.conn.SetReadDeadline(time.Now().Add(mailTimeout))
	who := fmt.Sprintf("user %d", a.uid)
	if user, err := g.accounts.lookup(fmt.Sprint(a.uid)); err == nil {
		who = user.name
	}
	readMail(a.conn, func(line string) { s.log.append([][]byte{[]byte(who + ": " + harmless(line))}) })
	return exitDone
}

// readMail gives take the lines of a mail's body, after what its subject says of the job. The rest of what is longer than
// maxMail is read, so that the job does not die of SIGPIPE, and dropped.
func readMail(r io.Reader, take func(line string)) {
	mail := &io.LimitedReader{R: r, N: maxMail}
	lines := bufio.NewScanner(mail)
	lines.Buffer(make([]byte, 0, 4<<10), maxLine)
	head := true
	for lines.Scan() {
		line := lines.Text()
		subject, isSubject := strings.CutPrefix(line, "Subject: ")
		switch {
		case head && line == "":
			head = false
		case head && isSubject:
			take(subject)
		case !head:
			take(line)
		}
	}
	if rest, _ := io.Copy(io.Discard, r); rest > 0 || lines.Err() != nil {
		take("(the rest of what it printed was not kept)")
	}
}
