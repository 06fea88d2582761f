package ledger

const crashVariable = "AVOW_TEST_LEDGER_CRASH"

func crashWriter() {}
