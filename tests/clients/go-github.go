// All releases of a repository, the latest one, and the place of an asset, by go-github.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/google/go-github/github"
)

type withToken struct{}

func (withToken) RoundTrip(request *http.Request) (*http.Response, error) {
	request.Header.Set("Authorization", "Bearer ghp_canary0123456789")
	return http.DefaultTransport.RoundTrip(request)
}

func main() {
	ctx := context.Background()
	client := github.NewClient(&http.Client{Transport: withToken{}})
	if len(os.Args) > 1 {
		base, err := url.Parse(os.Args[1] + "/")
		must(err)
		client.BaseURL = base
	}
	tags, count := map[string]bool{}, 0
	for page := 1; page != 0; {
		options := &github.ListOptions{PerPage: 100, Page: page}
		releases, response, err := client.Repositories.ListReleases(ctx, "octo", "many", options)
		must(err)
		for _, release := range releases {
			tags[release.GetTagName()] = true
			count++
		}
		page = response.NextPage
	}
	fmt.Printf("releases=%d distinct=%d ", count, len(tags))

	latest, _, err := client.Repositories.GetLatestRelease(ctx, "octo", "many")
	must(err)
	asset := latest.Assets[0].GetID()
	_, place, err := client.Repositories.DownloadReleaseAsset(ctx, "octo", "many", asset, nil)
	must(err)
	if !strings.HasPrefix(place, "https://github.com/octo/many/releases/download/") {
		log.Fatal("the place of an asset: ", place)
	}
	// A document in place of a hash would be taken for one.
	_, response, err := client.Repositories.GetCommitSHA1(ctx, "octo", "cat", "main", "")
	if err == nil || response.StatusCode != http.StatusUnsupportedMediaType {
		log.Fatal("a hash: ", err)
	}
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
