// A test in Go: a client tries again after a failure. SIM is the address.
package main

import (
	"net/http"
	"os"
	"testing"
)

func latest(t *testing.T, sim string) int {
	answer, err := http.Get(sim + "/repos/octo/golang/releases/latest")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

func change(t *testing.T, sim, words string) {
	answer, err := http.Post(sim+"/_sim/"+words, "", nil)
	if err != nil || answer.StatusCode != 200 {
		t.Fatal(words, answer, err)
	}
	answer.Body.Close()
}

func TestItTriesAgain(t *testing.T) {
	sim := os.Getenv("SIM")
	change(t, sim, "publish?repository=octo/golang&tag=v1")
	change(t, sim, "fail?target=/repos/octo/golang/releases/latest&as=502&times=1")
	if status := latest(t, sim); status != 502 {
		t.Fatal(status)
	}
	if status := latest(t, sim); status != 200 {
		t.Fatal(status)
	}
}
