// Command probe looks at a container from inside, for the tests of package container: what it sees and what it is refused.
// It needs nothing of the container's file system but itself.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
)

func main() {
	mode := "report"
	if len(os.Args) > 1 {
		mode = os.Args[1]
	}
	switch mode {
	case "report":
		s := report()
		s.Writable = append(writable("/proc"), writable("/sys")...)
		answer(s)
	case "short": // without what takes long
		answer(report())
	case "whoami":
		fmt.Println(os.Getuid(), os.Geteuid())
	case "write":
		fail(os.WriteFile(os.Args[2], []byte("probe"), 0o644))
	case "rename":
		fail(os.Rename(os.Args[2], os.Args[3]))
	case "remove":
		fail(os.RemoveAll(os.Args[2]))
	case "read":
		text, err := os.ReadFile(os.Args[2])
		fail(err)
		fmt.Print(string(text))
	case "fill":
		fmt.Println(fill(os.Args[2]))
	case "store": // so many bytes of a file, until they are on the disk
		fail(store(os.Args[2], number(3)))
	case "load": // a file from the disk, not from memory
		fail(load(os.Args[2]))
	case "openfiles":
		fail(openMany())
	case "modest":
		fail(beModest(number(2)))
		fmt.Println("waiting")
		time.Sleep(time.Hour)
	case "hog": // under another name, if one is given
		if len(os.Args) > 3 {
			fail(os.WriteFile("/proc/self/comm", []byte(os.Args[3]), 0))
		}
		hog(number(2))
	case "hold":
		taken := hog(number(2))
		time.Sleep(time.Hour)
		runtime.KeepAlive(taken)
	case "cache":
		fail(os.WriteFile("/home/cache", make([]byte, number(2)), 0o600))
	case "bomb":
		fmt.Println(bomb(number(2)))
	case "wait":
		fmt.Println("waiting")
		time.Sleep(time.Hour)
	case "pause": // a child of bomb
		time.Sleep(time.Hour)
	default:
		fail(fmt.Errorf("unknown mode %q", mode))
	}
}

func answer(v any) { fail(json.NewEncoder(os.Stdout).Encode(v)) }

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func number(i int) int {
	n, err := strconv.Atoi(os.Args[i])
	fail(err)
	return n
}

// fill writes a file until there is no room and returns how many bytes fitted.
func fill(path string) int64 {
	f, err := os.Create(path)
	fail(err)
	defer os.Remove(path)
	defer f.Close()
	var total int64
	block := make([]byte, 64<<10)
	for total < 1<<30 {
		n, err := f.Write(block)
		total += int64(n)
		if err != nil {
			break
		}
	}
	return total
}

// hog takes so many bytes of memory, and touches every page.
func hog(bytes int) []byte {
	taken := make([]byte, bytes)
	for i := 0; i < len(taken); i += os.Getpagesize() {
		taken[i] = 1
	}
	fmt.Println(len(taken))
	return taken
}

// bomb starts up to n processes, returns how many could be, and ends them.
func bomb(n int) int {
	var children []*os.Process
	for range n {
		p, err := os.StartProcess("/probe", []string{"probe", "pause"}, &os.ProcAttr{})
		if err != nil {
			break
		}
		children = append(children, p)
	}
	for _, p := range children {
		_ = p.Kill()
	}
	for _, p := range children {
		_, _ = p.Wait()
	}
	return len(children)
}
