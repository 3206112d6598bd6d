#include <filesystem>
#include <iostream>
#include <thread>
#include <vector>

// Exceptions, threads and <filesystem>, which is where C++ meets the kernel.
int main() {
    try {
        std::filesystem::directory_iterator nowhere("/no/such/directory");
    } catch (const std::filesystem::filesystem_error &error) {
        std::cout << "caught " << error.code().message() << ": " << error.path1().string() << '\n';
    }
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; i++) {
        threads.emplace_back([i] { std::filesystem::create_directories("made/" + std::to_string(i) + "/deep"); });
    }
    for (auto &thread : threads) {
        thread.join();
    }
    int count = 0;
    for (auto &entry : std::filesystem::recursive_directory_iterator("made")) {
        count += entry.is_directory();
    }
    std::cout << count << " directories, here is " << std::filesystem::canonical("made/3/..").filename() << '\n';
}
