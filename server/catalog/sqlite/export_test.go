package sqlite

// OpenWith is Open with other migrations.
var OpenWith = open

// Waiting returns how many changes of the open catalog at path wait for others.
func Waiting(path string) int {
	databases.Lock()
	defer databases.Unlock()
	for _, d := range databases.open {
		if d.path == path {
			d.group.mu.Lock()
			defer d.group.mu.Unlock()
			return len(d.group.waiting)
		}
	}
	return 0
}
