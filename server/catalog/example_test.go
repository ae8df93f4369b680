package catalog_test

import (
	"fmt"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// Object names are exactly the lower-case version 4 UUIDs.
func ExampleObjectID() {
	name := catalog.ObjectName(uuid.MustParse("0b57c9ac-5f1a-4f6e-9d61-2c2f3a4b5c6d"))
	fmt.Println(name)
	for _, s := range []string{name.String(), "0B57C9AC-5F1A-4F6E-9D61-2C2F3A4B5C6D", "cat.png"} {
		_, ok := catalog.ObjectID(s)
		fmt.Println(s, ok)
	}
	// Output:
	// 0b57c9ac-5f1a-4f6e-9d61-2c2f3a4b5c6d
	// 0b57c9ac-5f1a-4f6e-9d61-2c2f3a4b5c6d true
	// 0B57C9AC-5F1A-4F6E-9D61-2C2F3A4B5C6D false
	// cat.png false
}
