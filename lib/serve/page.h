/* page.html, as CMake puts it into a text (cmake/Page.cmake). */
#ifndef LPC_LIB_SERVE_PAGE_H
#define LPC_LIB_SERVE_PAGE_H

extern const char serve_page[];

#endif
