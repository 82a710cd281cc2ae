import Launching
import Testing

@Suite struct HostFileTests {
    @Test func hostsCountsAndOptionsAreRead() throws {
        let file = try HostFile(
            """
            # workers of the night
            gpu1.example.org generator=2   # two cards

            anna@gpu2\tgenerator=1 scorer=3 -p 2222 -o Compression=yes
            gpu3
            gpu4 generator=0 scorer=1\r
            """, source: "hosts")
        #expect(
            file.hosts == [
                .init(destination: "gpu1.example.org", counts: ["generator": 2]),
                .init(
                    destination: "anna@gpu2", counts: ["generator": 1, "scorer": 3],
                    options: ["-p", "2222", "-o", "Compression=yes"]),
                .init(destination: "gpu3", counts: ["generator": 1]),
                .init(destination: "gpu4", counts: ["generator": 0, "scorer": 1]),
            ])
    }

    @Test(arguments: [
        ("a\nb learner=1", "hosts:2: unknown word \"learner=1\""),
        ("a generator=-1", "hosts:1: unknown word \"generator=-1\""),
        ("a generator=2000", "generator=N or scorer=N"),
        ("a generator=1 generator=2", "hosts:1: generator stands twice"),
        ("a 3", "hosts:1: unknown word \"3\""),
        ("-oProxyCommand=rm generator=1", "hosts:1: a line begins with the host"),
        ("# nobody\n\n", "hosts: names no host"),
    ])
    func wrongLinesAreNamed(_ text: String, _ words: String) {
        let error = #expect(throws: LaunchError.self) { try HostFile(text, source: "hosts") }
        #expect(error?.message.contains(words) == true, "\(String(describing: error))")
    }
}
