package reason

func systemReason(error) Reason { return "" }
