"""The whole product on real parts: Functions host, Service Bus, storage. Files go in, tables come out, and things break on purpose."""
