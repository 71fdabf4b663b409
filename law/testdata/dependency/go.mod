module lamplight

require paid.example/for/v2 v2.0.0

require (
	free.example/ride v1.0.0
	indirect.example/one v1.0.0 // indirect
)

tool tool.example/tools/cmd/lint

tool tool.example/other
