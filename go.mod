module lamplight

go 1.26
