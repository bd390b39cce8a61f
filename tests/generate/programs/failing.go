// What Go prints: panics, a panic while another is handled, fatal errors, the standard logger.
package main

import (
	"errors"
	"fmt"
	"log"
	"os"
)

type store struct{ value *int }

func (s *store) get() int { return *s.value }

func write() {
	var entries map[string]int
	entries["x"] = 1
}

func main() {
	switch os.Args[1] {
	case "nil":
		(&store{}).get()
	case "map":
		write()
	case "error":
		panic(fmt.Errorf("wrapped: %w", errors.New("inner")))
	case "again":
		defer func() { panic(fmt.Sprintf("again: %v", recover())) }()
		panic("first")
	case "goroutine":
		done := make(chan int)
		go write()
		<-done
	case "deadlock":
		<-make(chan int)
	case "log":
		log.Println("listening")
		log.Printf("ERROR: request failed: %v", errors.New("x"))
		log.SetFlags(log.LstdFlags | log.Lshortfile)
		log.Println("short")
	}
}
