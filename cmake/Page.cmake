# gen/page.c: lib/serve/page.html as a text of C, and libmicrohttpd, where it is: without it `lpc serve --http` is an
# error that says so.
pkg_check_modules(MICROHTTPD IMPORTED_TARGET libmicrohttpd>=0.9.71)
set(page_html ${PROJECT_SOURCE_DIR}/lib/serve/page.html)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${page_html})
file(READ ${page_html} page_bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," page_bytes "${page_bytes}")
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/gen/page.c @ONLY CONTENT
     "#include \"lib/serve/page.h\"\n\nconst char serve_page[] = {\n${page_bytes}0};\n")
