package page

// The paths of the pages to sign in and out, at the top of every host. Package signin serves
// them.
const (
	LoginPath  = "/" + Reserved + "/login"
	LogoutPath = "/" + Reserved + "/logout"
)
