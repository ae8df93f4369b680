package demo

import "strings"

// Welcome says what to try at the URL of the server.
func Welcome(url string, u Users) string {
	return strings.NewReplacer(
		"URL", url,
		"FIRST_PASSWORD", u.FirstPassword, "FIRST", u.First,
		"SECOND_PASSWORD", u.SecondPassword, "SECOND", u.Second,
	).Replace(welcome)
}

const welcome = `
Open URL/ in a browser. Ctrl-C ends the demo and forgets everything.

Sign in as: FIRST, password FIRST_PASSWORD
            SECOND, password SECOND_PASSWORD

Or try, in another terminal:
  curl URL/Documents/ -H 'Accept: application/json'   # a listing
  curl URL/passwords.txt   # it exists, and no rule allows it
  curl -T FILE URL/Playground/   # anyone on this machine may write there
  curl -u FIRST:FIRST_PASSWORD URL/Private/FIRST/Diary.txt
  curl -u FIRST:FIRST_PASSWORD -F file=@FILE URL/Inbox/   # the server names the file
`
