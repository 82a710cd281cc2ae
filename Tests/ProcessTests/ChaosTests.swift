import Foundation
import Testing

/// What `scripts/chaos` does for minutes, for some seconds.
@Suite(.serialized, .onItsOwnThread) struct ChaosTests {
    @Test func aRunBesideANemesisEndsInTheSameWeights() async throws {
        let folder = try Skein.Folder()
        let chaos = Skein.executable.deletingLastPathComponent().appending(path: "skein-chaos").path
        let words = [
            "--toy", "--steps", "25", "--every", "1.5", "--seed", "3", "--only", "kill,freeze,delay,duplicate,cut,flip",
            "--least-goodput", "0", "--directory", folder.path + "/chaos",
        ]
        let result = try await Running(chaos, words).result(within: 600)
        #expect(result.status == 0, "\(words): \(result.output) \(result.error)")
        #expect(result.output.contains("final weights                             equal"))
        #expect(result.output.contains("everything holds"))
        // Nothing is left of it.
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/chaos"))
    }

    @Test func aKindThatThereIsNotIsNamed() async throws {
        let chaos = Skein.executable.deletingLastPathComponent().appending(path: "skein-chaos").path
        let result = try await Running(chaos, ["--only", "kill,earthquake"]).result()
        #expect(result.status != 0)
        #expect(result.error.contains("earthquake"))
    }

    @Test func inputsThatAreNotThereAreNamed() async throws {
        let folder = try Skein.Folder()
        let chaos = Skein.executable.deletingLastPathComponent().appending(path: "skein-chaos").path
        try folder.write(
            "run.yaml", "stages: [sft, ppo]\nrun_directory: \(folder.path)/run\nmodels: {base: \(folder.path)/base}\n")
        let words = ["--run", folder.path + "/run.yaml", "--directory", folder.path + "/chaos"]
        let result = try await Running(chaos, words).result()
        #expect(result.status == 1)
        #expect(result.output.contains("\(folder.path)/run/sft is not there yet"), "\(result.output)")
    }
}
