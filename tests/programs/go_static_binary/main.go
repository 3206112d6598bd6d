package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// deep needs a stack that has to grow, and stats a file from its end.
func deep(n int, name string) int64 {
	var pad [256]byte
	if n == 0 {
		info, err := os.Stat(name)
		check(err)
		return info.Size() + int64(pad[0])
	}
	return deep(n-1, name)
}

func main() {
	runtime.LockOSThread()
	var total, sizes int64
	var group sync.WaitGroup
	for g := 0; g < 400; g++ {
		group.Add(1)
		go func(g int) {
			defer group.Done()
			dir := fmt.Sprintf("many/%d", g)
			check(os.MkdirAll(dir, 0o755))
			for i := 0; i < 5; i++ {
				name := filepath.Join(dir, fmt.Sprint(i))
				check(os.WriteFile(name, make([]byte, g), 0o600))
				garbage := make([][]byte, 100)
				for j := range garbage {
					garbage[j] = make([]byte, 512)
				}
				atomic.AddInt64(&sizes, deep(50, name))
				check(os.Rename(name, name+".done"))
			}
			entries, err := os.ReadDir(dir)
			check(err)
			atomic.AddInt64(&total, int64(len(entries)))
		}(g)
	}
	group.Wait()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	fmt.Println("goroutines:", total, sizes, "collected:", stats.NumGC > 5)

	var children int64
	for c := 0; c < 40; c++ {
		group.Add(1)
		go func(c int) {
			defer group.Done()
			err := exec.Command("sh", "-c", fmt.Sprintf("exit %d", c)).Run()
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				atomic.AddInt64(&children, int64(exit.ExitCode()))
			}
		}(c)
	}
	group.Wait()
	fmt.Println("children:", children)
	cmd := exec.Command("pwd")
	cmd.Dir = "/usr/lib"
	out, err := cmd.Output()
	check(err)
	fmt.Printf("directory: %s", out)
	_, err = exec.LookPath("no-such-program")
	fmt.Println("missing:", errors.Is(err, exec.ErrNotFound))

	executable, err := os.Executable()
	check(err)
	here, err := os.Getwd()
	check(err)
	fmt.Println("executable:", executable, "in", here)
	again := exec.Command("/proc/self/exe", "again")
	if len(os.Args) > 1 {
		return
	}
	check(again.Start())
	check(again.Process.Kill())
	fmt.Println("killed:", again.Wait())

	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGUSR1)
	check(syscall.Kill(os.Getpid(), syscall.SIGUSR1))
	fmt.Println("signal:", <-caught)

	listener, err := net.Listen("unix", "socket")
	check(err)
	go func() {
		peer, err := net.Dial("unix", "socket")
		check(err)
		fmt.Fprintln(peer, "hello")
		peer.Close()
	}()
	peer, err := listener.Accept()
	check(err)
	buffer := make([]byte, 16)
	n, err := peer.Read(buffer)
	check(err)
	fmt.Printf("socket: %s at %s: %s", listener.Addr().Network(), listener.Addr(), buffer[:n])

	files := 0
	check(filepath.WalkDir("many", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files++
		}
		return err
	}))
	fmt.Println("walked:", files)
	ticker := time.NewTicker(time.Millisecond)
	for i := 0; i < 20; i++ {
		<-ticker.C
		_, err = os.Lstat("/no/such/file")
	}
	fmt.Println(err)
}
