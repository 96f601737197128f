module sanctions

go 1.19
