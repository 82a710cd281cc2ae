import Loopback
import Testing

@Suite struct LoopbackTests {
    @Test func thisMachineAndNoOther() {
        for host in ["127.0.0.1", "127.8.9.255", "localhost", "LOCALHOST", "::1", "[::1]"] {
            #expect(Loopback.isHost(host) && Loopback.isAddress("\(host):0"), "\(host)")
        }
        for host in [
            "127.example.com", "127.0.0.1.example.com", "127.0.0", "127.0.0.256", "128.0.0.1", "localhost.example.com",
            "0.0.0.0", "", "::", "[::1", "127.0.0.1 ",
        ] {
            #expect(!Loopback.isHost(host) && !Loopback.isAddress("\(host):80"), "\(host)")
        }
        #expect(!Loopback.isAddress("localhost"))
    }
}
