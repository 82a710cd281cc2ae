import Testing

@testable import Console

@Suite struct ProxyTests {
    @Test func thisMachineIsAddedOnceToWhatIsThere() {
        let machine = "localhost,127.0.0.1,::1,127.0.0.0/8"
        #expect(Proxies.exceptions("") == machine)
        #expect(Proxies.exceptions("example.org, .local") == "example.org,.local," + machine)
        #expect(Proxies.exceptions(Proxies.exceptions("a.b")) == "a.b," + machine)
        #expect(Proxies.exceptions("127.0.0.1") == "127.0.0.1,localhost,::1,127.0.0.0/8")
        #expect(Proxies.exceptions("*") == "*")
    }
}
