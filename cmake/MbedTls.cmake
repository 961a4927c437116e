# mbed TLS, for links that are encrypted (runtime/tls.h): its static libraries for each kind of machine. They are those of
# Debian's libmbedtls-dev (2.28 or 3.6), which tools/setup puts into .cache/mbedtls/TRIPLE for the machines that are not
# this one.
set(LPC_TLS AUTO CACHE STRING "Link mbed TLS: ON, OFF, or AUTO (where it is found)")
set_property(CACHE LPC_TLS PROPERTY STRINGS AUTO ON OFF)

# LIBRARIES gets the three archives for the triple, INCLUDE their headers; both empty where there are none.
function(lpc_find_mbedtls triple libraries include)
    set(${libraries} "" PARENT_SCOPE)
    set(${include} "" PARENT_SCOPE)
    if(LPC_TLS STREQUAL "OFF")
        return()
    endif()
    set(fetched ${PROJECT_SOURCE_DIR}/.cache/mbedtls/${triple}/usr)
    foreach(root ${fetched} /usr /usr/local)
        set(found)
        foreach(name mbedtls mbedx509 mbedcrypto)
            if(EXISTS ${root}/lib/${triple}/lib${name}.a)
                list(APPEND found ${root}/lib/${triple}/lib${name}.a)
            endif()
        endforeach()
        list(LENGTH found count)
        if(count EQUAL 3 AND EXISTS ${root}/include/mbedtls/ssl.h)
            set(${libraries} "${found}" PARENT_SCOPE)
            set(${include} ${root}/include PARENT_SCOPE)
            return()
        endif()
    endforeach()
endfunction()
