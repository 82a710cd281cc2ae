import Foundation

/// Ends this process when the supervisor that started it is gone.
///
/// The supervisor keeps the writing end of the child's standard input open and never writes; the kernel closes it when
/// the supervisor ends in any way, `kill -9` included, and the child reads the end of the file.
package enum ParentWatch {
    package static func start() {
        // The terminal sends these to the whole group, but only the supervisor knows the order in which to stop.
        signal(SIGINT, SIG_IGN)
        signal(SIGHUP, SIG_IGN)
        let thread = Thread {
            var byte: UInt8 = 0
            while true {
                let count = read(STDIN_FILENO, &byte, 1)
                if count == 0 || (count < 0 && errno != EINTR) { break }
            }
            kill(getpid(), SIGTERM)
            // A drain that cannot finish must not leave an orphan behind.
            Thread.sleep(forTimeInterval: 20)
            _exit(ExitStatus.failed.rawValue)
        }
        thread.stackSize = 256 << 10
        thread.start()
    }
}
