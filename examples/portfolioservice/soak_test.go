package main

const childEnv = "ACCOUNTS_SERVICE_CHILD"

func child() {}
