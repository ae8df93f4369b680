package page

// The paths of the pages to sign in and out, at the top of every host. Package signin serves
// them.
const (
	LoginPath  = "/" + Reserved + "/login"
	LogoutPath = "/" + Reserved + "/logout"
)

// SharesPath is the path of the shares of a user, at the top of every host.
const SharesPath = "/" + Reserved + "/shares"
