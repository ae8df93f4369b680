package layer_test

import "testing"

const plantsLinks = false

func plantSpecial(*testing.T, string) {}
