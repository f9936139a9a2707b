// What MemorySanitizer has to be told, because the C++ library is not instrumented: what its
// functions that are no templates write. Each keeps the check of everything else.
#include <sanitizer/msan_interface.h>

#include <set>

using Node = std::_Rb_tree_node_base;

// The linker's --wrap: callers of f arrive at __wrap_f, and __real_f is f.
void real_insert(bool left, Node* node, Node* parent, Node& header) noexcept __asm__(
    "__real__ZSt29_Rb_tree_insert_and_rebalancebPSt18_"
    "Rb_tree_node_baseS0_RS_");
void seen_insert(bool left, Node* node, Node* parent, Node& header) noexcept __asm__(
    "__wrap__ZSt29_Rb_tree_insert_and_rebalancebPSt18_"
    "Rb_tree_node_baseS0_RS_");

// Of a tree's nodes only the new one was not written before.
void seen_insert(bool left, Node* node, Node* parent, Node& header) noexcept {
  real_insert(left, node, parent, header);
  __msan_unpoison(node, sizeof *node);
}
