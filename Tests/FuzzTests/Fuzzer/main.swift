import CLibFuzzer
import Foundation

// skein-fuzz INPUT [arguments of libFuzzer ...], or skein-fuzz --list, or skein-fuzz --seeds FOLDER

var arguments = CommandLine.arguments
if arguments.count == 2, arguments[1] == "--list" {
    print(FuzzInput.allCases.map(\.rawValue).joined(separator: "\n"))
    exit(0)
}
if arguments.count == 3, arguments[1] == "--seeds" {
    try Seeds.write(to: arguments[2])
    exit(0)
}
guard arguments.count > 1, let input = FuzzInput(rawValue: arguments[1]) else {
    FileHandle.standardError.write(
        Data("usage: skein-fuzz INPUT [arguments of libFuzzer]; inputs are listed by --list\n".utf8))
    exit(64)
}
arguments.remove(at: 1)
atexit { JournalInputs.remove() }

/// The callback of libFuzzer has no context.
let chosen = input

var count = Int32(arguments.count)
var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
let status = pointers.withUnsafeMutableBufferPointer { buffer in
    var start = buffer.baseAddress
    return LLVMFuzzerRunDriver(&count, &start) { data, size in
        do {
            try chosen.run(Array(UnsafeBufferPointer(start: data, count: size)))
        } catch {
            fatalError("\(error)")
        }
        return 0
    }
}
exit(status)
