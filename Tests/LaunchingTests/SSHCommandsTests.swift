import Console
import Foundation
import Launching
import Testing

@Suite struct SSHCommandsTests {
    private func processes(_ text: String, skein: String = "skein") throws -> [SSHCommands.Process] {
        SSHCommands(coordinator: "tcp://head:5555", skein: skein, giveUpAfter: 60).processes(
            try HostFile(text, source: "hosts"), keyName: { "ssh-\($0)" }, quoted: Invocation.quoted)
    }

    @Test func everyWorkerIsOneCommandWithANameOfItsKey() throws {
        let all = try processes("a generator=2 scorer=1\nb -p 22\n")
        #expect(all.map(\.name) == ["ssh-generator.0.0", "ssh-generator.0.1", "ssh-scorer.0.0", "ssh-generator.1.0"])
        #expect(all.map(\.destination) == ["a", "a", "a", "b"])
        #expect(all[3].arguments.suffix(5).prefix(4) == ["-p", "22", "--", "b"])
        #expect(
            all[0].arguments.last == """
                skein generator --coordinator tcp://head:5555 --name ssh-generator.0.0 --key - --until-input-ends \
                --give-up-after 60
                """)
    }

    /// ssh joins its words with spaces, and the login shell of the host reads the line.
    @Test(arguments: ["/opt/my skein/bin/skein", "/o'p/$HOME/`id`/\"x\"/skein", "a\nb; touch c", "", "*?[a]~"])
    func theRemoteShellReadsBackEveryWord(_ word: String) throws {
        let line = try #require(try processes("h", skein: word).first?.arguments.last)
        let shell = Process()
        shell.executableURL = URL(filePath: "/bin/sh")
        // As the host's shell gets it; printf shows each word with an end that no word here has.
        shell.arguments = ["-c", "set -- \(line); printf '%s\\001' \"$@\""]
        let output = Pipe()
        shell.standardOutput = output
        try shell.run()
        let answer = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        shell.waitUntilExit()
        let words = answer.split(separator: "\u{1}", omittingEmptySubsequences: false).dropLast().map(String.init)
        #expect(words.prefix(3) == [word, "generator", "--coordinator"])
        #expect(words.count == 11)
    }

    @Test func theWorstExitCodeWins() {
        #expect(ExitCodes.worst([]) == 0)
        #expect(ExitCodes.worst([0, 0]) == 0)
        #expect(ExitCodes.worst([0, 3, 0]) == 3)
        #expect(ExitCodes.worst([75, 3]) == 75)
        #expect(ExitCodes.worst([75, 1, 0]) == 1)
        #expect(ExitCodes.worst([1, 2]) == 2)
        #expect(ExitCodes.worst([78, 1, 75]) == 78)
        // Of a signal, or ssh's own.
        #expect(ExitCodes.worst([78, 255]) == 255)
    }
}
