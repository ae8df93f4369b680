package vfs

func systemReason(error) Reason { return "" }
