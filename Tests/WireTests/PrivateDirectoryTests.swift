import Foundation
import Glibc
import Testing

@testable import Wire

@Suite struct PrivateDirectoryTests {
    /// A folder of the test's own, so that tests do not clean up after each other.
    private func withParent(_ body: (String) throws -> Void) throws {
        var template = Array("\(FileManager.default.temporaryDirectory.path)/wire-tests-XXXXXX".utf8CString)
        let parent = String(cString: try #require(mkdtemp(&template)))
        try body(parent)
        #expect(rmdir(parent) == 0, "something was left behind")
    }

    private func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    private func leave(_ path: String, lock: Bool, age: Int) {
        mkdir(path, 0o700)
        var times = [timespec(tv_sec: time(nil) - age, tv_nsec: 0), timespec(tv_sec: time(nil) - age, tv_nsec: 0)]
        if lock {
            close(open("\(path)/lock", O_CREAT | O_RDWR, 0o600))
            utimensat(AT_FDCWD, "\(path)/lock", &times, 0)
        }
        close(open("\(path)/router", O_CREAT | O_RDWR, 0o600))
        utimensat(AT_FDCWD, path, &times, 0)
    }

    @Test func isPrivateAndGoesAway() throws {
        try withParent { parent in
            let folder = try PrivateDirectory(parent: parent)
            var facts = stat()
            #expect(lstat(folder.path, &facts) == 0)
            #expect(facts.st_mode & 0o777 == 0o700)
            #expect(try folder.endpoint("router").text == "ipc://\(folder.path)/router")
            folder.close()
            #expect(!exists(folder.path))
        }
    }

    @Test func aLivingOwnersFolderStays() throws {
        try withParent { parent in
            let first = try PrivateDirectory(parent: parent)
            var old = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
            utimensat(AT_FDCWD, "\(first.path)/lock", &old, 0)
            utimensat(AT_FDCWD, first.path, &old, 0)
            let second = try PrivateDirectory(parent: parent)
            #expect(exists(first.path))
            #expect(first.path != second.path)
            second.close()
            first.close()
        }
    }

    @Test func deadOwnersFoldersAreRemoved() throws {
        try withParent { parent in
            leave("\(parent)/lorgnette-dead01", lock: true, age: 10)
            leave("\(parent)/lorgnette-dead02", lock: false, age: 120)
            PrivateDirectory.removeStale(parent: parent)
            #expect(!exists("\(parent)/lorgnette-dead01"))
            #expect(!exists("\(parent)/lorgnette-dead02"))
        }
    }

    @Test func theYoungAndTheForeignAreLeftAlone() throws {
        try withParent { parent in
            leave("\(parent)/lorgnette-young1", lock: true, age: 0)
            leave("\(parent)/lorgnette-young2", lock: false, age: 5)
            leave("\(parent)/something-else", lock: true, age: 100)
            leave("\(parent)/lorgnette-shared", lock: true, age: 100)
            chmod("\(parent)/lorgnette-shared", 0o755)
            symlink("something-else", "\(parent)/lorgnette-link01")
            PrivateDirectory.removeStale(parent: parent)
            for name in ["lorgnette-young1", "lorgnette-young2", "something-else", "lorgnette-shared"] {
                #expect(exists("\(parent)/\(name)/router"), "\(name)")
                for file in ["lock", "router"] { unlink("\(parent)/\(name)/\(file)") }
                #expect(rmdir("\(parent)/\(name)") == 0)
            }
            #expect(unlink("\(parent)/lorgnette-link01") == 0)
        }
    }

    @Test func saysWhereItFailed() {
        let error = #expect(throws: WireError.self) { try PrivateDirectory(parent: "/proc/none") }
        #expect(error?.description.contains("/proc/none") == true)
    }
}
